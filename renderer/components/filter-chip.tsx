import type { Chip } from '../flow-filter.ts';
import { Icon } from './icon.tsx';

/** A word of the filter; what makes no sense is struck through and says why. */
export function FilterChip({ chip, onRemove }: { readonly chip: Chip; readonly onRemove: () => void }) {
  const { key, value, wrong } = chip;
  return (
    <span className={`chip ${wrong === undefined ? '' : 'is-wrong'}`} title={wrong}>
      <b>{key}:</b>
      <span className="clip">{value}</span>
      {wrong !== undefined && <span className="sr"> ({wrong})</span>}
      <button type="button" aria-label={`Remove ${key}:${value}`} onClick={onRemove}>
        <Icon name="x" />
      </button>
    </span>
  );
}
