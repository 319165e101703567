import type { OptionSpec } from './command';

/** What the commands that change a checkpoint have in common. */

export const checkpointFolder = { name: 'FOLDER', help: 'a checkpoint in Hub layout', many: false };

export const maxShardSize: OptionSpec = {
  type: 'string',
  value: 'SIZE',
  default: '5GB',
  help: 'bytes that a file of weights holds at most, such as 500MB or 2GiB',
};

/** Where the result goes, and how it is told. */
export const resultOptions: Readonly<Record<string, OptionSpec>> = {
  output: {
    type: 'string',
    short: 'o',
    value: 'FOLDER',
    default: 'the checkpoint itself, in one step',
    help: 'a new folder for the result',
  },
  variant: { type: 'string', value: 'WORD', help: "word in the names of the weights' files, such as fp16" },
  'dry-run': { type: 'boolean', help: 'print what would change, and change nothing' },
  json: { type: 'boolean', help: 'print JSON' },
};

/** What is said of a checkpoint whose files do not say it, or say it otherwise. */
export const classOptions: Readonly<Record<string, OptionSpec>> = {
  config: { type: 'string', value: 'FILE', default: 'the one beside the weights', help: "the model's config" },
  class: {
    type: 'string',
    value: 'NAME',
    default: 'the one that the config names',
    help: "the model's class, such as BertForMaskedLM",
  },
};
