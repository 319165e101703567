import * as classes from '../../lib/models/mpnet/model';
import { runGoldens } from './golden-runner';

runGoldens('mpnet', classes);
