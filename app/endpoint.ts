/** A request to one of our endpoints, whoever serves it. */
export interface EndpointRequest {
  method: string | undefined;
  /** By their names in lower case. */
  headers: Record<string, string | undefined>;
  /** The text that was sent; undefined where it is larger than the endpoint accepts. */
  body: string | undefined;
}

export interface EndpointResponse {
  status: number;
  /** Sent as JSON. */
  body: object;
}
