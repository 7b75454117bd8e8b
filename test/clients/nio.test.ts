import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTestCa } from '../support/certificates.ts';
import { startHearth } from '../support/hearth.ts';
import { register } from '../support/matrix-client.ts';
import { run } from '../support/processes.ts';
import { noSynapse } from '../support/synapse.ts';

const environment = process.env['HEARTH_TEST_SYNAPSE'] ?? '';

test('matrix-nio signs in, joins, sends and receives', async ({ skip }) => {
  if (noSynapse) return skip(noSynapse); // the same virtual environment holds both
  const hearth = await startHearth(await createTestCa());
  const ann = await register(hearth.clientUrl, 'ann');
  await register(hearth.clientUrl, 'ned');
  const roomId = await ann.createRoom({ preset: 'public_chat', room_alias_name: 'nio' });
  await ann.send(roomId, 'welcome');

  const script = join(import.meta.dirname, '../support/nio_scenario.py');
  const args = [script, hearth.clientUrl, 'ned', 'pass-ned', `#nio:${hearth.serverName}`];
  const nio = run(join(environment, 'bin/python'), args);
  expect([await nio.exited, nio.output()]).toEqual([0, expect.stringContaining('{')]);
  const seen = JSON.parse(nio.output().slice(nio.output().indexOf('{')));
  expect(seen).toMatchObject({ user: `@ned:${hearth.serverName}`, members: [ann.userId, `@ned:${hearth.serverName}`] });
  expect(seen.bodies).toContain('from nio');
  expect(seen.history).toContain('welcome');
  expect(await ann.bodies(roomId)).toEqual(['welcome', 'from nio']);
});
