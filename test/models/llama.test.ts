import * as classes from '../../lib/models/llama/model';
import { runGoldens } from './golden-runner';

runGoldens('llama', classes);
