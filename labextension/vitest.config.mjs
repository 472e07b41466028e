import { defineConfig } from 'vitest/config';

// The model knows neither Lab nor a document, so its tests run in plain Node.
export default defineConfig({
  test: {
    environment: 'node',
    include: ['src/**/*.test.ts'],
    // Lab's modules are ES modules that say so nowhere.
    server: { deps: { inline: [/@jupyterlab\//] } }
  }
});
