import * as classes from '../../lib/models/bert/model';
import { runGoldens } from './golden-runner';

runGoldens('bert', classes);
