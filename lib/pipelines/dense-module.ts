import { openCheckpoint, requirePyTorch } from '../checkpoint/open';
import { NotImplementedError, OSError, ValueError } from '../errors';
import { warn } from '../logging';
import { activate, createActivation } from '../nn/activation';
import { Linear } from '../nn/linear';
import type { Parameter } from '../nn/parameter';
import { storedTensor } from '../pretrained/stored-tensor';
import { fence } from '../tensor/load';
import type { Tensor } from '../tensor/tensor';
import { ModuleFile } from './module-file';

/** torch.nn's activations, by their class's name. */
const torchActivations: Record<string, string> = {
  Identity: 'linear',
  Tanh: 'tanh',
  ReLU: 'relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
};

/**
 * Reads sentence-transformers' Dense module: a linear layer and an activation behind pooling.
 * @throws OSError without its files; ValueError, NotImplementedError naming a field; ValueError `ERR_SHAPE` when its
 *   weights are of other shapes than its config says
 */
export async function readDense(folder: string): Promise<{ layer: Linear; forward: (x: Tensor) => Tensor }> {
  const file = await ModuleFile.open(folder, 'config.json');
  if (!file)
    throw new OSError(`the Dense module in '${folder}' has no config.json, which says its sizes`, {
      code: 'ERR_NO_CONFIG',
    });
  const layer = new Linear(sizeOf(file, 'in_features'), sizeOf(file, 'out_features'), {
    bias: file.flag('bias', true),
  });
  const act = createActivation(activationOf(file), 'activation_function');
  file.only('module_input_name', 'sentence_embedding');
  file.only('module_output_name', 'sentence_embedding', null);
  file.only('use_residual', false);
  const other = file.others();
  if (other.length > 0)
    warn(`'${file.path}' has fields that a Dense module does not have, and which do nothing: ${other}`);
  await fill(layer, folder);
  return { layer, forward: (x) => activate(act, layer.forward(x)) };
}

function sizeOf(file: ModuleFile, name: string): number {
  const size = file.count(name);
  if (size === null) throw file.wrong(name, 'a whole number above 0');
  return size;
}

/** Names of torch's own classes only: any other would be code in the folder. */
function activationOf(file: ModuleFile): string {
  const name = file.has('activation_function') ? file.any('activation_function') : 'torch.nn.modules.activation.Tanh';
  if (typeof name !== 'string') throw file.wrong('activation_function', "a class of torch's, such as torch.nn.Tanh");
  const known = name.startsWith('torch.') ? torchActivations[name.split('.').pop() as string] : undefined;
  if (known) return known;
  throw new NotImplementedError(
    `the activation_function '${name}' in '${file.path}' is not known; known: ` +
      Object.keys(torchActivations)
        .map((one) => `torch.nn.${one}`)
        .join(', '),
    { code: 'ERR_CONFIG_FIELD' },
  );
}

async function fill(layer: Linear, folder: string): Promise<void> {
  await using source = await openCheckpoint(folder);
  requirePyTorch(source, "a sentence embedder's dense layer");
  for (const [key, value] of layer.named_state()) {
    const parameter = value as Parameter;
    const { shape, file } = source.info(`linear.${key}`);
    if (`${shape}` !== `${parameter.dims}`)
      throw new ValueError(
        `'linear.${key}' in '${file}' is of shape [${shape}], but config.json beside it says [${parameter.dims}]`,
        { code: 'ERR_SHAPE' },
      );
    const stored = await storedTensor(source, `linear.${key}`);
    parameter.value = stored.load('float32', parameter.pack);
  }
  await fence();
}
