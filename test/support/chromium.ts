import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { atEnd } from './at-end.ts';
import { findProgram } from './processes.ts';

const executablePath = process.env['HEARTH_TEST_CHROMIUM'] ?? findProgram('chromium');

/** Why there is no browser to test with, if so. */
export const noBrowser =
  executablePath === undefined ? 'HEARTH_TEST_CHROMIUM names no browser: apt-get install chromium' : undefined;

/** Pictures go here; git does not see them. */
const pictures = process.env['HEARTH_SCREENSHOTS'] ?? join(import.meta.dirname, '../../screenshots');

export const schemes = ['light', 'dark'] as const;
export const sizes = { wide: { width: 1280, height: 800 }, narrow: { width: 900, height: 800 } } as const;

/** A browser for the test or file that asks, closed when that is over. */
export async function startBrowser(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: executablePath ?? '', args: ['--no-sandbox'] });
  atEnd(() => browser.close());
  return browser;
}

export interface OpenPage {
  readonly page: Page;
  /** Warnings, errors and what the Content-Security-Policy refused. */
  readonly complaints: readonly string[];
}

/** A page in a window of its own, closed with the test. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  // Nothing moves: a picture can be taken at any time.
  const context = await browser.newContext({ viewport: sizes.wide, reducedMotion: 'reduce', ...options });
  atEnd(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => void complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

/** Goes to a screen as one does who follows a link within the page. */
export async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

/** What keeps people out, as axe finds it. */
export async function barriers(page: Page) {
  if (await page.evaluate<boolean>('window.axe === undefined')) await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run({ resultTypes: ["violations"] })');
  return violations.map(({ help, nodes }) => [help, nodes.map(({ html }) => html)]);
}

/** How much wider than its window a page is. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');

/** The rows of a grid that are in view, each by the titles of the columns that are shown. */
export const gridRows = (page: Page, label: string): Promise<readonly Readonly<Record<string, string>>[]> =>
  page.evaluate<Record<string, string>[]>(`(() => {
    const text = (cell) => cell.innerText.replace(/\\s+/g, ' ').trim();
    const grid = document.querySelector('[role=grid][aria-label=' + JSON.stringify(${JSON.stringify(label)}) + ']');
    const titles = [...(grid?.tHead.rows[0].cells ?? [])];
    const shown = titles.flatMap((title, index) => (title.offsetParent === null ? [] : [[text(title), index]]));
    const rows = [...(grid?.tBodies[0].rows ?? [])].filter((row) => row.className !== 'spacer');
    return rows.map((row) => Object.fromEntries(shown.map(([title, index]) => [title, text(row.cells[index])])));
  })()`);

/** How many rows a grid has, in view or not. */
export const gridSize = async (page: Page, label: string): Promise<number> =>
  Number(await page.getByRole('grid', { name: label }).getAttribute('aria-rowcount')) - 1;

/** The labels and values in a part of the page, without what is for the ear alone. */
export const factsIn = (page: Page, selector: string): Promise<Readonly<Record<string, string>>> =>
  page.evaluate<Record<string, string>>(`(() => {
    const seen = (element) => {
      const copy = element.cloneNode(true);
      for (const heard of copy.querySelectorAll('.sr')) heard.remove();
      return copy.textContent.replace(/\\s+/g, ' ').trim();
    };
    const terms = [...document.querySelectorAll(${JSON.stringify(`${selector} dt`)})];
    return Object.fromEntries(terms.map((term) => [seen(term), seen(term.nextElementSibling)]));
  })()`);
