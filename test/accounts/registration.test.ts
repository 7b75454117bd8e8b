import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { createRegistration, type SharedSecretRequest } from '../../main/accounts/registration.ts';
import { fakePlatform } from '../support/fake-platform.ts';

const secret = 'shared & secret';

function registration() {
  const platform = fakePlatform();
  return { platform, ...createRegistration({ mode: 'closed', sharedSecret: secret, platform }) };
}

/** As Synapse's register_new_matrix_user does it. */
function signed(nonce: string, changes: Partial<SharedSecretRequest> = {}, key = secret): SharedSecretRequest {
  const request = { nonce, username: 'alice', password: 'pass', admin: false, userType: undefined, ...changes };
  const parts = [request.nonce, request.username, request.password, request.admin ? 'admin' : 'notadmin'];
  if (request.userType !== undefined) parts.push(request.userType);
  return { mac: createHmac('sha1', key).update(parts.join('\0')).digest('hex'), ...request, ...changes };
}

test.each<[Partial<SharedSecretRequest>]>([[{}], [{ admin: true }], [{ admin: true, userType: 'bot' }]])(
  'a request signed with the secret is good once: %j',
  (changes) => {
    const { nonce, checkSigned } = registration();
    const request = signed(nonce(), changes);
    checkSigned(request);
    expect(() => checkSigned(request)).toThrow(expect.objectContaining({ status: 400 }));
  },
);

test('another secret, changed fields, an old or unknown nonce are refused', async () => {
  const { platform, nonce, checkSigned } = registration();
  const forbidden = expect.objectContaining({ status: 403, errcode: 'M_FORBIDDEN' });
  expect(() => checkSigned(signed(nonce(), {}, 'guessed'))).toThrow(forbidden);
  expect(() => checkSigned({ ...signed(nonce()), admin: true })).toThrow(forbidden);
  expect(() => checkSigned({ ...signed(nonce()), mac: 'no hex' })).toThrow(forbidden);
  expect(() => checkSigned(signed('made up'))).toThrow(expect.objectContaining({ status: 400 }));
  const old = nonce();
  await platform.advance(60_000);
  expect(() => checkSigned(signed(old))).toThrow(expect.objectContaining({ status: 400 }));
});

test('without a secret there are no nonces', () => {
  const { nonce } = createRegistration({ mode: 'open', sharedSecret: undefined, platform: fakePlatform() });
  expect(nonce).toThrow(expect.objectContaining({ status: 400 }));
});

test('the mode decides how to prove that one may register', () => {
  const flows = (mode: 'open' | 'token' | 'closed') =>
    createRegistration({ mode, sharedSecret: undefined, platform: fakePlatform() }).flows;
  expect(flows('open')()).toEqual([['m.login.dummy']]);
  expect(flows('token')()).toEqual([['m.login.registration_token']]);
  expect(flows('closed')).toThrow(expect.objectContaining({ errcode: 'M_FORBIDDEN' }));
});
