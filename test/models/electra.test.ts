import * as classes from '../../lib/models/electra/model';
import { runGoldens } from './golden-runner';

runGoldens('electra', classes);
