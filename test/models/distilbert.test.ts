import * as classes from '../../lib/models/distilbert/model';
import { runGoldens } from './golden-runner';

runGoldens('distilbert', classes);
