import {
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from '../auto/auto-model';
import { KeyError, NotImplementedError, nearest, TypeError } from '../errors';
import { FeatureExtractionPipeline } from './feature-extraction';
import { FillMaskPipeline } from './fill-mask';
import type { Pipeline, PipelineParts } from './pipeline';
import { QuestionAnsweringPipeline } from './question-answering';
import { TextClassificationPipeline } from './text-classification';
import { TokenClassificationPipeline } from './token-classification';
import { ZeroShotClassificationPipeline } from './zero-shot-classification';

/** The class of each task. */
interface PipelineClasses {
  'feature-extraction': FeatureExtractionPipeline;
  'fill-mask': FillMaskPipeline;
  'question-answering': QuestionAnsweringPipeline;
  'text-classification': TextClassificationPipeline;
  'token-classification': TokenClassificationPipeline;
  'zero-shot-classification': ZeroShotClassificationPipeline;
}

type TaskName = keyof PipelineClasses;

const aliases = {
  'sentiment-analysis': 'text-classification',
  ner: 'token-classification',
  embeddings: 'feature-extraction',
} as const;

type Alias = keyof typeof aliases;

/** Names that `pipeline` takes. */
export type PipelineType = TaskName | Alias;

/** The pipeline that a task's name gives. */
export type PipelineOf<T extends PipelineType> = T extends Alias
  ? PipelineClasses[(typeof aliases)[T]]
  : T extends TaskName
    ? PipelineClasses[T]
    : never;

/** The Auto class of a head. */
type AutoClass = Pick<typeof AutoModel, 'from_pretrained' | 'classFor'>;

/** A task: which head it wants, which options its calls have, and how it is made of what was loaded. */
export interface Task {
  name: TaskName;
  auto: AutoClass;
  call_options: readonly string[];
  make(parts: PipelineParts): Pipeline | Promise<Pipeline>;
}

type PipelineClass = { new (parts: PipelineParts): Pipeline; readonly call_options: readonly string[] };

function task(name: TaskName, auto: AutoClass, Class: PipelineClass): Task {
  return { name, auto, call_options: Class.call_options, make: (parts) => new Class(parts) };
}

const tasks: readonly Task[] = [
  {
    ...task('feature-extraction', AutoModel, FeatureExtractionPipeline),
    make: (parts) => FeatureExtractionPipeline.build(parts),
  },
  task('fill-mask', AutoModelForMaskedLM, FillMaskPipeline),
  task('question-answering', AutoModelForQuestionAnswering, QuestionAnsweringPipeline),
  task('text-classification', AutoModelForSequenceClassification, TextClassificationPipeline),
  task('token-classification', AutoModelForTokenClassification, TokenClassificationPipeline),
  task('zero-shot-classification', AutoModelForSequenceClassification, ZeroShotClassificationPipeline),
];

/** Tasks and aliases of transformers.js that are not here. */
const absent = [
  'asr',
  'audio-classification',
  'automatic-speech-recognition',
  'background-removal',
  'depth-estimation',
  'document-question-answering',
  'image-classification',
  'image-feature-extraction',
  'image-segmentation',
  'image-to-image',
  'image-to-text',
  'object-detection',
  'summarization',
  'text-generation',
  'text-to-audio',
  'text-to-speech',
  'text2text-generation',
  'translation',
  'zero-shot-audio-classification',
  'zero-shot-image-classification',
  'zero-shot-object-detection',
];

/**
 * The task of a name or an alias.
 * @throws NotImplementedError for a task that is not here yet, KeyError `ERR_NO_SUCH_TASK` for a name of none, TypeError
 */
export function taskOf(name: unknown): Task {
  if (typeof name !== 'string')
    throw new TypeError(`pipeline takes the name of a task first, such as 'feature-extraction', not ${String(name)}`);
  const full = Object.hasOwn(aliases, name) ? aliases[name as Alias] : name;
  const found = tasks.find((task) => task.name === full);
  if (found) return found;
  const known = [...tasks.map((task) => task.name), ...Object.keys(aliases)];
  if (absent.includes(name) || name.startsWith('translation_'))
    throw new NotImplementedError(`the task '${name}' is not supported yet; the tasks are ${known.join(', ')}`, {
      code: 'ERR_NOT_SUPPORTED_YET',
    });
  const guess = nearest(name, [...known, ...absent]);
  const hint = guess ? `; did you mean '${guess}'?` : '.';
  throw new KeyError(`there is no task '${name}'${hint} The tasks are ${known.join(', ')}`, {
    code: 'ERR_NO_SUCH_TASK',
  });
}
