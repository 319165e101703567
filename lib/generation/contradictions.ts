import { type GenerationConfig, generationDefaults } from './generation-config';

/** Fields that act only where tokens are drawn at random, and only where several beams are kept. */
const ofSampling = ['temperature', 'top_p', 'min_p', 'typical_p', 'top_k', 'epsilon_cutoff', 'eta_cutoff'];
const ofBeams = ['early_stopping', 'length_penalty'];
const ofCaches = ['cache_implementation', 'cache_config', 'return_legacy_cache'];
const ofOutputs = ['output_attentions', 'output_hidden_states', 'output_scores', 'output_logits'];

/**
 * What in a generation config contradicts itself: a sentence for each field that is set and cannot act. Such a config
 * generates, but is not saved. Source: transformers GenerationConfig.validate (4.57.6).
 */
export function contradictions(config: GenerationConfig): string[] {
  const { num_return_sequences: count } = config as { num_return_sequences?: number };
  const isSet = (name: string) => (config[name] ?? null) !== null && config[name] !== generationDefaults[name];
  const found = (names: string[], where: boolean, what: string) =>
    where
      ? names.filter(isSet).map((name) => `\`${name}\` is ${JSON.stringify(config[name])}, and acts only with ${what}`)
      : [];
  const greedy = config.num_beams === 1 && !config.do_sample && count !== 1;
  return [
    ...found(ofSampling, config.do_sample === false, 'do_sample: true'),
    ...found(ofBeams, config.num_beams === 1, 'num_beams above 1'),
    ...found(ofCaches, config.use_cache === false, 'use_cache: true'),
    ...found(ofOutputs, config['return_dict_in_generate'] !== true, 'return_dict_in_generate: true'),
    ...(greedy ? [`\`num_return_sequences\` is ${String(count)}, and greedy search has one result`] : []),
    ...(Number(count) > config.num_beams && config.num_beams > 1
      ? [`\`num_return_sequences\` is ${String(count)}, and there are ${config.num_beams} beams`]
      : []),
  ];
}
