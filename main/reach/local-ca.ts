import 'reflect-metadata'; // @peculiar/x509 needs it first
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** A certificate with its key, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority for servers on loopback: the demo's and the tests'. Its key is never written anywhere. */
export interface LocalCa {
  /** What a peer has to trust, PEM. */
  readonly cert: string;
  /** A certificate for DNS names and IP addresses. */
  issue(...names: readonly string[]): Promise<Certificate>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hour = 3_600_000;

/** `now` in milliseconds: certificates are valid from an hour before, for clocks that differ, to a month after. */
export async function createLocalCa(now: number): Promise<LocalCa> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await generateKeys();
  const validity = { notBefore: new Date(now - hour), notAfter: new Date(now + 30 * 24 * hour) };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Hearth local CA',
    keys,
    signingAlgorithm: algorithm,
    ...validity,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    cert: ca.toString('pem'),
    async issue(...names) {
      const own = await generateKeys();
      const leaf = await x509.X509CertificateGenerator.create({
        subject: 'CN=Hearth local server',
        issuer: ca.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        ...validity,
        extensions: [
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }) as const),
          ),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      return { cert: leaf.toString('pem'), key: await exportKey(own.privateKey) };
    },
  };
}

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key);
  return x509.PemConverter.encode(pkcs8, 'PRIVATE KEY');
}
