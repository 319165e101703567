import * as classes from '../../lib/models/modernbert/model';
import { runGoldens } from './golden-runner';

runGoldens('modernbert', classes);
