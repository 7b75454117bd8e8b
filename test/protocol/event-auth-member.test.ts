import { memberRows } from '../support/auth-rows/member.ts';
import { tryRules } from '../support/auth-table.ts';

tryRules(memberRows);
