import { type ReactNode, useId } from 'react';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly type?: 'text' | 'password';
  /** What is wrong with the value, in a sentence. */
  readonly wrong?: string | undefined;
  readonly isBig?: boolean;
  /** The id of what else explains it. */
  readonly describedBy?: string;
  /** A hint below it. */
  readonly children?: ReactNode;
}

/** A line to fill in, with its label, its hint, and what is wrong with it. */
export function Field({
  label,
  value,
  onChange,
  type = 'text',
  wrong,
  isBig = false,
  describedBy = '',
  children,
}: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        className={`input ${isBig ? 'input-big' : ''}`}
        id={id}
        type={type}
        value={value}
        onChange={({ target }) => onChange(target.value)}
        autoComplete={type === 'password' ? 'new-password' : 'off'}
        autoCapitalize="none"
        spellCheck={false}
        aria-invalid={wrong !== undefined}
        aria-describedby={`${id}hint ${describedBy}`}
      />
      <p id={`${id}hint`} className="small dim">
        {wrong !== undefined && <span className="wrong">{wrong} </span>}
        {children}
      </p>
    </div>
  );
}
