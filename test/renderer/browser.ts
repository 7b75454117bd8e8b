// What browsers have and jsdom lacks. Import it before the page.
import { vi } from 'vitest';

vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
vi.stubGlobal('matchMedia', () => Object.assign(new EventTarget(), { matches: false }));

/** Nothing is laid out in jsdom: a window in which a list has room for some twenty rows. */
Object.defineProperties(HTMLElement.prototype, {
  clientHeight: { get: () => 600 },
  clientWidth: { get: () => 1000 },
});
Object.assign(Element.prototype, { scrollTo: () => {}, scrollIntoView: () => {} });
HTMLDialogElement.prototype.showModal = function open() {
  this.open = true;
};

/** What was copied last. */
export const clipboard = { text: '' };
Object.defineProperty(navigator, 'clipboard', {
  value: {
    writeText: (text: string) => {
      clipboard.text = text;
      return Promise.resolve();
    },
  },
});
