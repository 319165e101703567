#!/usr/bin/env node
'use strict';
// Stands in for node-gyp when prebuildify runs in a copy of the package: the addon is the one that is built already.
const { copyFileSync, mkdirSync } = require('node:fs');
const path = require('node:path');

const built = path.join(__dirname, '..', '..', 'build', 'Release', 'native_transformers.node');
const folder = path.join(process.cwd(), 'build', 'Release');
mkdirSync(folder, { recursive: true });
copyFileSync(built, path.join(folder, path.basename(built)));
