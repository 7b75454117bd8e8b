import type { Log } from '../log.ts';
import type { DemoServer } from './demo-server.ts';
import { forgery, lastWord, trespass } from './misdeeds.ts';
import { answer, comeAndGo, newTopic, regret, talk } from './scenes.ts';
import { chance, pause, pick, type Scene, type Stage } from './stage.ts';

/** At first one of each, in the first room, so that there is something to see. */
const opening: readonly Scene[] = [talk, trespass, answer, forgery, talk, lastWord, answer];

/** What happens from then on, and how often. */
const repertoire: readonly (readonly [scene: Scene, weight: number])[] = [
  [talk, 60],
  [answer, 25],
  [comeAndGo, 5],
  [regret, 3],
  [newTopic, 2],
  [trespass, 2],
  [lastWord, 2],
  [forgery, 1],
];

function nextScene(stage: Stage): Scene {
  const total = repertoire.reduce((sum, [, weight]) => sum + weight, 0);
  let rest = chance(stage) * total;
  for (const [scene, weight] of repertoire) {
    rest -= weight;
    if (rest < 0) return scene;
  }
  return talk;
}

/** One scene after the other, until the demo ends. */
export async function play(stage: Stage, log: Log): Promise<void> {
  for (let number = 0; !stage.signal.aborted; number++) {
    const open = stage.places.filter(({ host }) => host.server.isUp());
    const first = opening[number];
    const [scene, place] = first === undefined ? [nextScene(stage), pick(stage, open)] : [first, open[0]];
    try {
      if (place !== undefined) await scene(stage, place);
      await pause(stage, 1500);
    } catch (error) {
      // A server may go away in the middle of a scene, or refuse: so it is in life, and the next scene comes.
      if (!stage.signal.aborted) log.warn('a scene broke off', { scene: scene.name, error });
    }
  }
}

const firstNapAfterMs = 45_000;
const napEveryMs = 120_000;
const napMs = 20_000;

/**
 * A server goes away now and then, like a laptop whose lid is shut. What it misses waits at the others, and comes when it is
 * back.
 */
export async function napping({ platform: { clock }, signal }: Stage, server: DemoServer): Promise<void> {
  try {
    for (let waitMs = firstNapAfterMs; ; waitMs = napEveryMs) {
      await clock.sleep(waitMs, signal);
      await server.stop();
      await clock.sleep(napMs, signal);
      await server.start();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
