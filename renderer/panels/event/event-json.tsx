import { useState } from 'react';
import type { EventDetail } from '../../../shared/views.ts';
import { Choice } from '../../components/choice.tsx';
import { Json } from '../../components/json.tsx';

/** The event itself: laid out as it is stored, or as the canonical bytes that are hashed and signed. */
export function EventJson({ event }: { readonly event: EventDetail }) {
  const [form, setForm] = useState<'stored' | 'canonical'>('stored');
  return (
    <section className="stack" aria-labelledby="json">
      <div className="section-head">
        <h2 id="json" className="grow">
          Event
        </h2>
        <Choice
          label="Form"
          value={form}
          onChoose={setForm}
          options={[
            { value: 'stored', title: 'As stored' },
            { value: 'canonical', title: 'Canonical' },
          ]}
        />
      </div>
      <pre className="code breaks">{form === 'stored' ? <Json text={event.json} /> : event.canonical}</pre>
    </section>
  );
}
