import { expect, test } from 'vitest';
import type { ServerName } from '../../shared/ids.ts';
import { busyOverview } from '../support/sample-overview.ts';
import { click, fill, find, now, show, text, texts } from './show.tsx';

const field = (label: string) => `[id="${find<HTMLLabelElement>('label', label).htmlFor}"]`;

/** A server without a name. `finish` gives it one. */
async function showSetUp(finish: () => { ok: true } | { ok: false; why: string }) {
  const choices: unknown[] = [];
  let serverName: ServerName | undefined;
  await show({
    handlers: {
      'overview.get': () => ({ ...busyOverview(now), serverName }),
      'setup.finish': (choice) => {
        choices.push(choice);
        const answer = finish();
        if (answer.ok) serverName = 'juniper.example' as ServerName;
        return answer;
      },
    },
  });
  return choices;
}

async function fillIn(password = 'correct horse', again = password) {
  await fill(field('Server name'), 'juniper.example');
  await fill(field('Your name'), 'mika');
  await fill(field('Password'), password);
  await fill(field('Password again'), again);
}

test('a server without a name asks for one, and says that it is for ever', async () => {
  await showSetUp(() => ({ ok: true }));
  expect(texts('h1')).toEqual(['Name your server']);
  expect(text()).toContain('This name is permanent.');
  await fillIn();
  expect(text()).toContain('You will be @mika:juniper.example');
});

test('what is filled in is sent, and the overview comes', async () => {
  const choices = await showSetUp(() => ({ ok: true }));
  await fillIn();
  await click('button', 'Use juniper.example for ever');
  expect(choices).toEqual([{ serverName: 'juniper.example', owner: 'mika', password: 'correct horse' }]);
  expect(texts('h1')).toEqual(['Overview']);
});

test('a refusal is shown in the server’s words, and what was filled in stays', async () => {
  await showSetUp(() => ({ ok: false, why: 'The data folder belongs to another server.' }));
  await fillIn();
  await click('button', 'Use juniper.example');
  expect(find('[role=alert]').textContent).toContain('The data folder belongs to another server.');
  expect(find<HTMLInputElement>(field('Server name')).value).toBe('juniper.example');
});

test('nothing is sent that is wrong at sight; each field says what is', async () => {
  const choices = await showSetUp(() => ({ ok: true }));
  await fillIn('short', 'shorter');
  await fill(field('Server name'), 'Not a name');
  await fill(field('Your name'), 'Mika');
  await click('button', 'Set up');
  expect(choices).toEqual([]);
  expect(texts('.wrong')).toEqual([
    'Capital letters make another name of it for some servers: use small ones. ',
    'Only a–z, 0–9 and . _ = / + - are allowed. ',
    'At least 8 characters. ',
    'The two are not the same. ',
  ]);
  expect(find(field('Server name')).getAttribute('aria-invalid')).toBe('true');
});
