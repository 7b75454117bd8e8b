"""matrix-nio against a homeserver: python nio_scenario.py URL USER PASSWORD ALIAS. Prints what it received, as JSON."""
import asyncio
import json
import sys

from nio import AsyncClient, JoinResponse, LoginResponse, RoomMessageText, RoomSendResponse, SyncResponse


async def main(url: str, user: str, password: str, alias: str) -> None:
    client = AsyncClient(url, user)
    try:
        login = await client.login(password, device_name="nio")
        assert isinstance(login, LoginResponse), login
        joined = await client.join(alias)
        assert isinstance(joined, JoinResponse), joined
        first = await client.sync(timeout=0, full_state=True)
        assert isinstance(first, SyncResponse), first
        sent = await client.room_send(
            joined.room_id, "m.room.message", {"msgtype": "m.text", "body": "from nio"}
        )
        assert isinstance(sent, RoomSendResponse), sent
        bodies: list[str] = []
        sync = first
        for _ in range(20):
            room = sync.rooms.join.get(joined.room_id)
            for event in room.timeline.events if room else []:
                if isinstance(event, RoomMessageText):
                    bodies.append(event.body)
            if "from nio" in bodies:
                break
            sync = await client.sync(timeout=2000)
            assert isinstance(sync, SyncResponse), sync
        history = await client.room_messages(joined.room_id, sync.next_batch, limit=50)
        print(
            json.dumps(
                {
                    "user": client.user_id,
                    "bodies": bodies,
                    "members": sorted(client.rooms[joined.room_id].users),
                    "history": [e.body for e in history.chunk if isinstance(e, RoomMessageText)],
                }
            )
        )
    finally:
        await client.close()


asyncio.run(main(*sys.argv[1:]))
