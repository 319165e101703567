module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testTimeout: 60000,
  transform: {
    '^.+\\.ts$': [
      'babel-jest',
      {
        babelrc: false,
        configFile: false,
        presets: [['@babel/preset-typescript', { allowDeclareFields: true, optimizeConstEnums: true }]],
        plugins: ['@babel/plugin-transform-explicit-resource-management', '@babel/plugin-transform-modules-commonjs'],
        assumptions: { setPublicClassFields: true },
      },
    ],
  },
};
