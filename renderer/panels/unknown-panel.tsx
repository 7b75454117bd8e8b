import { Empty } from '../components/empty.tsx';
import { Screen } from '../components/screen.tsx';

/** For an address that leads nowhere. */
export function UnknownPanel({ path }: { readonly path: string }) {
  return (
    <Screen title="No such screen">
      <Empty icon="search" title="There is nothing here">
        <code className="anywhere">{path}</code> is no screen of the console. <a href="#/">Go to the overview</a>
      </Empty>
    </Screen>
  );
}
