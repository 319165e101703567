/** Functions of tensors under the names that transformers.js and PyTorch give them. */
export * from './functions/create';
export * from './functions/embeddings';
export * from './functions/join';
export * from './functions/linear-algebra';
export * from './functions/resample';
export * from './functions/select';
export * from './functions/statistics';
export * from './functions/vectors';
