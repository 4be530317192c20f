/** Light and dark: the operating system's choice, or the user's, which is remembered in this browser. */

import type { Palette } from './axes';
import { LANGUAGES, type Language } from './i18n.svelte';
import type { Theme } from './url';

const KEY = 'etiage.theme';

/** The remembered choice; `auto` where there is none, or none may be kept. */
export function rememberedTheme(): Theme {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === 'light' || theme === 'dark' ? theme : 'auto';
  } catch {
    return 'auto';
  }
}

export function rememberTheme(theme: Theme): void {
  try {
    if (theme === 'auto') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Forbidden by the browser's settings: the choice then lasts as long as the address.
  }
}

const LANGUAGE_KEY = 'etiage.language';

/** The language chosen in this browser; null where the browser's own is taken. */
export function rememberedLanguage(): Language | null {
  try {
    const found = localStorage.getItem(LANGUAGE_KEY);
    return LANGUAGES.find((language) => language === found) ?? null;
  } catch {
    return null;
  }
}

export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(LANGUAGE_KEY, language);
  } catch {
    // As for the theme: it lasts as long as the address.
  }
}

/** Puts the theme on the document; app.css does the rest. */
export function applyTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** The colours in force, as the browser computes them: a canvas knows neither var() nor light-dark(). */
export function readPalette(element: HTMLElement): Palette {
  const probe = document.createElement('span');
  probe.hidden = true;
  element.append(probe);
  const colour = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const palette = {
    surface: colour('--surface'),
    text: colour('--text'),
    muted: colour('--muted'),
    grid: colour('--line'),
    gap: colour('--gap'),
    neutral: colour('--neutral'),
    accent: colour('--accent'),
    soft: colour('--accent-soft'),
    alarm: colour('--alarm'),
    font: getComputedStyle(element).fontFamily,
  };
  probe.remove();
  return palette;
}
