import * as classes from '../../lib/models/gpt2/model';
import { runGoldens } from './golden-runner';

runGoldens('gpt2', classes);
