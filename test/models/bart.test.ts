import * as classes from '../../lib/models/bart/model';
import { runGoldens } from './golden-runner';

runGoldens('bart', classes);
