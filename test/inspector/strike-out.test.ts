import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { strikeForm, strikeHeader, strikeJson, strikeText, strikeUri } from '../../main/inspector/strike-out.ts';
import { inboundSend, json, outcome, runningInspector, server } from '../support/running-inspector.ts';

const secret = 'hunter2hunter2';
const gone = '[struck out]';

test.each([
  ['Authorization', 'Bearer syt_abc', `Bearer ${gone}`],
  ['authorization', 'Basic dTpw', `Basic ${gone}`],
  ['Authorization', 'syt_abc', gone],
  ['Authorization', 'Bearersyt_abc x', gone],
  [
    'Authorization',
    'X-Matrix origin="b.test",destination="a.test",key="ed25519:1",sig="Zm9v+/"',
    `X-Matrix origin="b.test",destination="a.test",key="ed25519:1",sig="${gone}"`,
  ],
  ['Authorization', 'x-matrix SIG = "Zm\\"9v" , origin=b.test', `x-matrix sig = "${gone}" , origin=b.test`],
  ['Authorization', 'X-Matrix sig=Zm9v,origin=b.test', `X-Matrix sig="${gone}",origin=b.test`],
  ['Authorization', 'X-Matrix origin=b.test,sig="never closed', `X-Matrix origin=b.test,sig="${gone}"`],
  ['Cookie', 'a=b', gone],
  ['Location', 'https://a.test/?access_token=x&b=c', `https://a.test/?access_token=${gone}&b=c`],
  ['Accept', 'application/json', 'application/json'],
])('header %s: %s', (name, value, kept) => {
  expect(strikeHeader(name, value)).toBe(kept);
});

test.each([
  ['/openid/userinfo?access_token=abc', `/openid/userinfo?access_token=${gone}`],
  ['/x?a=1&access%5Ftoken=abc&b=%2F', `/x?a=1&access%5Ftoken=${gone}&b=%2F`],
  ['/x?ACCESS_TOKEN=abc', `/x?ACCESS_TOKEN=${gone}`],
  ['/event/%24a%2Fb?x=%zz', '/event/%24a%2Fb?x=%zz'],
  ['/access_token=abc', '/access_token=abc'],
])('uri %s', (uri, kept) => {
  expect(strikeUri(uri)).toBe(kept);
});

test.each([
  ['{"password":"x","user":"y"}', `{"password":"${gone}","user":"y"}`],
  ['{ "access_token" : "a\\"b" , "n": 1 }', `{ "access_token" : "${gone}" , "n": 1 }`],
  ['{"a":[{"secret":{"deep":["x","}"]}},2]}', `{"a":[{"secret":"${gone}"},2]}`],
  ['{"token":123,"a":true}', `{"token":"${gone}","a":true}`],
  ['{"pass\\u0077ord":"x"}', `{"pass\\u0077ord":"${gone}"}`],
  ['{"a":"password","b":"x"}', '{"a":"password","b":"x"}'], // a value is not a name
  ['{"a":"the \\"password\\": x"}', '{"a":"the \\"password\\": x"}'],
  ['{"password":"cut of', `{"password":"${gone}"`],
  ['{"password":"cut of\\', `{"password":"${gone}"`],
  ['{"password":[1,{"a":"cut of', `{"password":"${gone}"`],
  ['{"password"', '{"password"'],
  ['{"password":', '{"password":'],
  ['{"a":"\\u00e4"}', '{"a":"\\u00e4"}'],
  ['not json, "password" : said', `not json, "password" : "${gone}"`],
])('json %s', (text, kept) => {
  expect(strikeJson(text)).toBe(kept);
});

test('forms and sentences', () => {
  expect(strikeForm('user=a&password=b%20c')).toBe(`user=a&password=${gone}`);
  expect(strikeText('GET /x?access_token=abc failed, Bearer xyz, sig="q"')).toBe(
    `GET /x?access_token=${gone} failed, Bearer ${gone}, sig=${gone}`,
  );
});

test.each([
  ['a string of backslashes', `"${'\\'.repeat(65_535)}`],
  ['nested brackets behind a secret name', `{"secret":${'['.repeat(65_000)}`],
  ['names without end', '"password":'.repeat(6_000)],
  ['blanks', `"password"${' '.repeat(65_000)}`],
  ['strings and blanks', `"password"${'" '.repeat(32_000)}`],
])('is quick with %s', (_what, text) => {
  const before = process.cpuUsage().user;
  strikeJson(`\\u${text}`);
  strikeForm(text);
  expect(process.cpuUsage().user - before).toBeLessThan(500_000); // µs; what is quadratic takes minutes
});

test('no secret reaches the file', async () => {
  const { inspector, path } = await runningInspector({ level: 'full' });
  const flow = inspector.open({ ...inboundSend, uri: `/x?access_token=${secret}` });
  const headers = { authorization: `X-Matrix origin="b.test",key="ed25519:1",sig="${secret}"`, cookie: secret };
  flow.request(
    { ...headers, 'content-type': 'application/json' },
    json({
      type: 'm.login.password',
      password: secret,
      pdus: [{ content: { session_key: secret } }],
      keys: { private_key: { nested: [secret] } },
    }),
  );
  flow.auth({ verified: false, why: `the header sig="${secret}" is wrong` });
  flow.pdus([outcome({ reason: `Bearer ${secret}` })]);
  inspector.peerChanged({ server: server('b.test'), from: 'ok', to: 'down', why: `access_token=${secret}` });
  flow.close({
    status: 200,
    headers: { 'set-cookie': [secret], 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(`refresh_token=${secret}`),
  });
  await inspector.close();
  const file = readFileSync(path, 'latin1');
  expect(file).toContain('m.login.password'); // it was written, and its other parts are readable
  expect(file).toContain(gone);
  expect(file).not.toContain(secret);
});
