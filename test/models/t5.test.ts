import * as classes from '../../lib/models/t5/model';
import { runGoldens } from './golden-runner';

runGoldens('t5', classes);
