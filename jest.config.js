// No test asks the network: those of lib/hub have a server of their own, and allow it.
process.env.HF_HUB_OFFLINE = '1';

module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testTimeout: 60000,
  // Most suites wait for files, processes and timers as much as they compute.
  maxWorkers: '100%',
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
