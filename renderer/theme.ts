export type ThemeChoice = 'system' | 'light' | 'dark';

const stored = 'hearth.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
let choice = read();

/** What the owner chose last; as the system, until then. */
export const themeChoice = (): ThemeChoice => choice;

export function chooseTheme(next: ThemeChoice): void {
  choice = next;
  localStorage.setItem(stored, next);
  apply();
}

function read(): ThemeChoice {
  const text = localStorage.getItem(stored);
  return text === 'light' || text === 'dark' ? text : 'system';
}

function apply(): void {
  document.documentElement.dataset['theme'] = choice === 'system' ? (system.matches ? 'dark' : 'light') : choice;
}

system.addEventListener('change', apply);
apply();
