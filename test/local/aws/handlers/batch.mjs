/** An SQS consumer whose messages say how they end. */
export async function handler({ Records }) {
  const says = (word) => Records.filter((record) => record.body === word);
  for (const record of Records) console.log(JSON.stringify(record));
  if (says('hang').length > 0) await new Promise((resolve) => setTimeout(resolve, 60_000));
  if (says('throw').length > 0) throw new Error('the whole batch');
  if (says('bad answer').length > 0) return { batchItemFailures: [{ itemIdentifier: '' }] };
  if (says('unknown id').length > 0) return { batchItemFailures: [{ itemIdentifier: 'nobody' }] };
  if (says('nothing').length > 0) return;
  return {
    batchItemFailures: says('fail').map((record) => ({ itemIdentifier: record.messageId })),
  };
}
