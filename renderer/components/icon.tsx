import type { ReactElement } from 'react';

/** The glyphs, on a grid of 16: lines in the colour of the text around them. */
const shapes = {
  bad: (
    <>
      <path d="M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5Z" />
      <path d="m6 6 4 4m0-4-4 4" />
    </>
  ),
  copy: (
    <>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M10.5 3.5v-.5a.5.5 0 0 0-.5-.5H3a.5.5 0 0 0-.5.5v7a.5.5 0 0 0 .5.5h.5" />
    </>
  ),
  disk: (
    <>
      <ellipse cx="8" cy="4" rx="5.5" ry="2" />
      <path d="M2.5 4v8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2V4M2.5 8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2" />
    </>
  ),
  up: <path d="M3.5 10 8 5.5l4.5 4.5" />,
  globe: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M2 8h12M8 2c3.5 3.5 3.5 8.5 0 12M8 2c-3.5 3.5-3.5 8.5 0 12" />
    </>
  ),
  in: <path d="M12.5 3.5 4.5 11.5M4 6v6h6" />,
  info: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.8V8l2.2 1.7" />
    </>
  ),
  keys: (
    <>
      <circle cx="5" cy="11" r="2.75" />
      <path d="m7 9 6-6M10.5 5.5 12.5 7.5M12 4l1.2 1.2" />
    </>
  ),
  lock: (
    <>
      <rect x="3.5" y="7" width="9" height="6.5" rx="1.25" />
      <path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2" />
    </>
  ),
  log: (
    <>
      <path d="M2.5 3.5h5M2.5 8h4M2.5 12.5h3" />
      <path d="M9.5 3.5h4M7.5 8h6M6.5 12.5h3.5" strokeWidth="2.5" />
    </>
  ),
  loop: <path d="M2.5 12a6 6 0 1 1 11 0M8 9.5l2.5-3" />,
  moon: <path d="M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5Z" />,
  mute: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="m4 12 8-8" />
    </>
  ),
  none: <circle cx="8" cy="8" r="6" strokeDasharray="2.2 2.2" />,
  ok: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="m5.3 8.2 1.9 1.9 3.5-4" />
    </>
  ),
  out: <path d="m3.5 12.5 8-8M6 4h6v6" />,
  overview: (
    <>
      <path d="M2.5 13.5V8a5.5 5.5 0 0 1 11 0v5.5Z" />
      <path d="M8 7c.2 1.3 1.7 2 1.7 3.5S8.9 12.5 8 12.5s-1.7-.6-1.7-1.8S7.7 9 8 7Z" />
    </>
  ),
  pause: <path d="M5.5 3.5v9M10.5 3.5v9" strokeWidth="2" />,
  peers: (
    <>
      <circle cx="8" cy="3.5" r="1.75" />
      <circle cx="3.5" cy="12" r="1.75" />
      <circle cx="12.5" cy="12" r="1.75" />
      <path d="M7.2 5.1 4.3 10.4M8.8 5.1l2.9 5.3M5.25 12h5.5" />
    </>
  ),
  play: <path d="M5 3.5v9l7.5-4.5Z" />,
  retry: <path d="M13 8a5 5 0 1 1-1.5-3.5M13 2.5v3h-3" />,
  rooms: <path d="M2.5 3.5h11v7.5H7l-3 2.5V11H2.5Z" />,
  screen: (
    <>
      <rect x="2" y="3" width="12" height="8" rx="1.25" />
      <path d="M6 13.5h4" />
    </>
  ),
  search: (
    <>
      <circle cx="7" cy="7" r="4.5" />
      <path d="m10.5 10.5 3.5 3.5" />
    </>
  ),
  soft: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor" />
    </>
  ),
  sort: <path d="M8 3.5v9M4.5 9 8 12.5 11.5 9" />,
  sun: (
    <>
      <circle cx="8" cy="8" r="2.75" />
      <path d="M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9" />
    </>
  ),
  warn: (
    <>
      <path d="M8 2.25 14.25 13.25H1.75Z" />
      <path d="M8 6.5v3.2M8 11.4v.1" />
    </>
  ),
  x: <path d="m4 4 8 8m0-8-8 8" />,
  server: (
    <>
      <rect x="2.5" y="2.5" width="11" height="4.5" rx="1.25" />
      <rect x="2.5" y="9" width="11" height="4.5" rx="1.25" />
      <path d="M5 4.75h.1M5 11.25h.1" />
    </>
  ),
} satisfies Record<string, ReactElement>;

export type IconName = keyof typeof shapes;

interface IconProps {
  readonly name: IconName;
  readonly small?: boolean;
  /** A kind, to stand in its colour: `is-bad tint`. */
  readonly className?: string;
}

/** A glyph. It is decoration: the word stands beside it. */
export function Icon({ name, small = false, className = '' }: IconProps) {
  return (
    <svg className={`ico ${small ? 'ico-s' : ''} ${className}`} viewBox="0 0 16 16" aria-hidden="true">
      {shapes[name]}
    </svg>
  );
}
