import { useState } from 'react';
import { chooseTheme, themeChoice } from '../theme.ts';
import { Choice } from './choice.tsx';
import { Icon } from './icon.tsx';

export function ThemeSwitch() {
  const [choice, setChoice] = useState(themeChoice);
  return (
    <Choice
      label="Theme"
      value={choice}
      onChoose={(next) => {
        chooseTheme(next);
        setChoice(next);
      }}
      options={[
        { value: 'system', title: <Icon name="screen" />, name: 'As the system' },
        { value: 'light', title: <Icon name="sun" />, name: 'Light' },
        { value: 'dark', title: <Icon name="moon" />, name: 'Dark' },
      ]}
    />
  );
}
