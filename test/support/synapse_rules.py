"""Synapse's own verdicts. One line of JSON in, one out: {"judge": …} asks about an event in a state, {"resolve": …} for the
resolved state of sets. Event IDs are the test's, not the events' hashes."""
import asyncio
import json
import sys

from synapse import event_auth
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.events import make_event_from_dict
from synapse.state import v1, v2
from synapse.storage.databases.main.event_federation import StateDifference


class NamedEvent:
    """An event as Synapse has it, under the name that the test has for it."""

    rejected_reason = None

    def __init__(self, given, version, room):
        names = {"event_id": given["id"]} if version.event_format == 1 else {}
        self.event = make_event_from_dict({**given["pdu"], **names}, version)
        self.event_id = given["id"]
        self.room_id = given["pdu"].get("room_id", room)

    def __getattr__(self, name):
        return getattr(self.event, name)

    def __contains__(self, key):
        return key in self.event


class Clock:
    async def sleep(self, duration):
        pass


class Store:
    def __init__(self, events):
        self.events = events

    async def get_events(self, ids, allow_rejected=False):
        return {id: self.events[id] for id in ids if id in self.events}

    async def get_auth_chain_difference(self, room, sets, conflicted, _unpersisted):
        chains = [self.chain(ids) for ids in sets]
        subgraph = None
        if conflicted is not None:
            below = {id: self.chain([id]) for id in set().union(*chains)}
            subgraph = {
                id
                for id in below
                if any(id in below[top] for top in conflicted) and any(end in below[id] for end in conflicted)
            }
        return StateDifference(
            auth_difference=set().union(*chains) - set.intersection(*chains), conflicted_subgraph=subgraph
        )

    def chain(self, ids):
        found = set()
        waiting = list(ids)
        while waiting:
            id = waiting.pop()
            if id not in found:
                found.add(id)
                waiting.extend(self.events[id].auth_event_ids())
        return found


def judge(version, room, event, state):
    """An empty string if it is allowed, else why not."""
    try:
        event = NamedEvent(event, version, room)
        if event.type == "m.room.create":
            event_auth._check_create(event)
        else:
            event_auth.check_state_dependent_auth_rules(event, [NamedEvent(each, version, room) for each in state])
        return ""
    except Exception as error:  # what it does not expect makes it stumble, which refuses the event too
        return repr(error)


def resolve(version, room, events, sets):
    named = {given["id"]: NamedEvent(given, version, room) for given in events}
    sets = [{(type, key): id for type, key, id in entries} for entries in sets]
    store = Store(named)
    if version.identifier == "1":
        resolving = v1.resolve_events_with_store(room, version, sets, None, store.get_events)
    else:
        resolving = v2.resolve_events_with_store(Clock(), room, version, sets, None, store)
    return [[type, key, id] for (type, key), id in asyncio.run(resolving).items()]


for line in sys.stdin:
    asked = json.loads(line)
    version, room = KNOWN_ROOM_VERSIONS[asked["version"]], asked["room"]
    if "judge" in asked:
        print(json.dumps(judge(version, room, **asked["judge"])))
    else:
        print(json.dumps(resolve(version, room, **asked["resolve"])))
