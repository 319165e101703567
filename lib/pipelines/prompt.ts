import { ValueError } from '../errors';

/** How a call says what goes before each text. */
export interface PromptOptions {
  /** Its name among the checkpoint's prompts. */
  prompt_name?: string | null;
  /** The text itself. */
  prompt?: string | null;
}

/** What a checkpoint says of prompts. */
export interface Prompts {
  prompts: Readonly<Record<string, string>>;
  default_prompt_name: string | null;
}

/**
 * The text that goes before each text; '' for none. Without a word of the caller it is the checkpoint's default.
 * @throws ValueError when both options are given, and for a name that the checkpoint does not have
 */
export function promptOf(known: Prompts | null, { prompt, prompt_name }: PromptOptions): string {
  if (isGiven(prompt) && isGiven(prompt_name))
    throw new ValueError(
      `prompt ('${prompt}') and prompt_name ('${prompt_name}') are both given; leave one out: each says what goes before a text`,
      { code: 'ERR_OPTION_VALUE' },
    );
  if (isGiven(prompt)) return prompt;
  const name = prompt_name ?? known?.default_prompt_name ?? null;
  if (name === null) return '';
  const prompts = known?.prompts ?? {};
  if (Object.hasOwn(prompts, name)) return prompts[name] as string;
  throw new ValueError(
    `prompt_name '${name}' is none of this model's prompts; it has ${Object.keys(prompts).join(', ') || 'none'}`,
    { code: 'ERR_OPTION_VALUE' },
  );
}

/** Whether a call says anything of prompts, and so speaks in place of the options that a pipeline was made with. */
export function saysPrompt({ prompt, prompt_name }: PromptOptions): boolean {
  return isGiven(prompt) || isGiven(prompt_name);
}

function isGiven(value: string | null | undefined): value is string {
  return value !== undefined && value !== null;
}
