import { powerLevelRows } from '../support/auth-rows/power-levels.ts';
import { tryRules } from '../support/auth-table.ts';

tryRules(powerLevelRows);
