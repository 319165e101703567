import * as classes from '../../lib/models/roberta/model';
import { runGoldens } from './golden-runner';

runGoldens('roberta', classes);
