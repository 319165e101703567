import * as classes from '../../lib/models/albert/model';
import { runGoldens } from './golden-runner';

runGoldens('albert', classes);
