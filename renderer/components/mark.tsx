/** The mark: an arch, in it a flame, in it a fork of the event graph. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 64 64" aria-hidden="true">
      <path className="mark-a" d="M6 58V32C6 17.6 17.6 6 32 6s26 11.6 26 26v26a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2Z" />
      <path
        className="mark-b"
        d="M34.5 12C36 23 48.5 28 48.5 42c0 9.5-7 16-16.5 16s-16.5-6.5-16.5-15.5C15.5 35.5 19.5 31.5 21.5 26.5c1.8 3.2 3.4 4.7 5 5.5C31 27 34.5 21 34.5 12Z"
      />
      <path className="mark-l" d="M29 51V37M29 49c0-6 10.5-3 10.5-9" />
      <g className="mark-a">
        <circle cx="29" cy="51" r="3.9" />
        <circle cx="29" cy="36.5" r="3.9" />
        <circle cx="39.5" cy="40" r="3.9" />
      </g>
    </svg>
  );
}
