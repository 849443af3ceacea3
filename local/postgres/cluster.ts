/** How to reach a running cluster; every role that may log in has the same password. */
export interface Cluster {
  password: string;
  /** `postgres://…` of a database, by default as the superuser `supabase_admin`. */
  url(database: string, user?: string): string;
}

export function clusterAt(port: number, password: string): Cluster {
  return {
    password,
    url: (database, user = 'supabase_admin') =>
      `postgres://${user}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
  };
}

/** The cluster that a superuser URL of another process's `startPostgres` leads to. */
export function clusterOf(url: string): Cluster {
  const { port, password } = new URL(url);
  return clusterAt(Number(port), password);
}
