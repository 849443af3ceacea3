/** What gateway-process.ts starts: takes GatewayOptions over IPC, returns the URL and the keys. */
import { type GatewayOptions, startGateway } from './gateway.ts';

process.on('disconnect', () => process.exit());
process.once('message', async (options: GatewayOptions) => {
  const { url, keys } = await startGateway(options);
  process.send?.({ url, keys });
});
