import * as classes from '../../lib/models/xlm-roberta/model';
import { runGoldens } from './golden-runner';

runGoldens('xlm-roberta', classes);
