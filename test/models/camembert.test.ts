import * as classes from '../../lib/models/camembert/model';
import { runGoldens } from './golden-runner';

runGoldens('camembert', classes);
