/** Every word on the screen, in English and French, side by side. `{name}` stands for a value. */

import { FRAME } from './words/frame';
import { NAMES } from './words/names';
import { PAGES } from './words/pages';

export type Entry = readonly [english: string, french: string];

export const WORDS = { ...FRAME, ...NAMES, ...PAGES };
export type Word = keyof typeof WORDS;
