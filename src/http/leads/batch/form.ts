export const JSON_FORM = 'application/json';
export const LINES_FORM = 'application/x-ndjson';

/** How results are joined: those written together are a piece, and pieces follow one another. */
export type Form = {
  readonly contentType: string;
  readonly start: string;
  readonly between: string;
  readonly betweenPieces: string;
  readonly afterPiece: string;
  readonly end: string;
};

export const LIST: Form = {
  contentType: `${JSON_FORM}; charset=utf-8`,
  start: '{"results":[',
  between: ',',
  betweenPieces: ',',
  afterPiece: '',
  end: ']}',
};
/** A line is complete as soon as it is there. */
export const LINES: Form = {
  contentType: LINES_FORM,
  start: '',
  between: '\n',
  betweenPieces: '',
  afterPiece: '\n',
  end: '',
};
