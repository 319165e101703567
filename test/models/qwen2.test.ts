import * as classes from '../../lib/models/qwen2/model';
import { runGoldens } from './golden-runner';

runGoldens('qwen2', classes);
