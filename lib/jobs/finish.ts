import { RuntimeError } from '../errors';
import { reportHtml } from './report/html';
import { jobReport } from './report/report';
import { ReportSums } from './report/sums';
import { writeDurable } from './run/durable';
import type { RunFolder } from './run/folder';
import type { Manifest } from './run/manifest';

export type { Manifest } from './run/manifest';

/**
 * Writes the report and then, last of all, the manifest: while it is there, the run is finished.
 * @returns the manifest, and how many of its rows have no id
 */
export async function finishRun(
  folder: RunFolder,
  shards: number,
  task: string,
): Promise<{ manifest: Manifest; withoutId: number }> {
  const manifest: Manifest = { rows: 0, failed: 0, parts: [] };
  const sums = new ReportSums();
  for (let shard = 0; shard < shards; shard++) {
    const receipt = await folder.receipt(shard);
    if (receipt === null) throw gone(folder.receiptPath(shard));
    const { file, sha256 } = receipt.files[0]!;
    manifest.rows += receipt.rows;
    manifest.failed += receipt.failed;
    manifest.parts.push({ file, rows: receipt.rows, sha256 });
    sums.add(receipt);
  }
  const report = jobReport(task, sums);
  await writeDurable(folder.file('report.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeDurable(folder.file('report.html'), reportHtml(report));
  await writeDurable(folder.file('manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return { manifest, withoutId: sums.withoutId };
}

function gone(path: string): RuntimeError {
  return new RuntimeError(`${path} was there a moment ago and is gone: run the same command again`, {
    code: 'RECEIPT_GONE',
  });
}
