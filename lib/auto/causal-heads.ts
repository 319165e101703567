import { NotImplementedError } from '../errors';

/** Heads of encoders that generate: their names are Transformers', and what they need is not there yet. */
function notYet(name: string): { new (): never; from_pretrained(...args: unknown[]): Promise<never> } {
  const refuse = () => {
    throw new NotImplementedError(`${name} is not supported yet: it generates, and encoders do not here`, {
      code: 'ERR_NOT_SUPPORTED_YET',
    });
  };
  return class {
    static readonly displayName: string = name;
    static from_pretrained = async () => refuse();
    constructor() {
      refuse();
    }
  } as unknown as { new (): never; from_pretrained(...args: unknown[]): Promise<never> };
}

export const BertLMHeadModel = notYet('BertLMHeadModel');
export const RobertaForCausalLM = notYet('RobertaForCausalLM');
export const XLMRobertaForCausalLM = notYet('XLMRobertaForCausalLM');
export const CamembertForCausalLM = notYet('CamembertForCausalLM');
export const ElectraForCausalLM = notYet('ElectraForCausalLM');

export const TFBertLMHeadModel = notYet('TFBertLMHeadModel');
export const TFRobertaForCausalLM = notYet('TFRobertaForCausalLM');
export const TFXLMRobertaForCausalLM = notYet('TFXLMRobertaForCausalLM');
export const TFCamembertForCausalLM = notYet('TFCamembertForCausalLM');
export const FlaxBertForCausalLM = notYet('FlaxBertForCausalLM');
export const FlaxRobertaForCausalLM = notYet('FlaxRobertaForCausalLM');
export const FlaxXLMRobertaForCausalLM = notYet('FlaxXLMRobertaForCausalLM');
export const FlaxElectraForCausalLM = notYet('FlaxElectraForCausalLM');
