import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  // Relative, so that the page also works below a path of a reverse proxy.
  base: './',
  build: {
    target: ['chrome123', 'firefox128', 'safari17.5'],
    // The content security policy allows no data: URLs and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // ECharts is most of it: about 200 kB once compressed, fetched once.
    chunkSizeWarningLimit: 900,
  },
  server: {
    // `npm run dev` beside a running appliance.
    proxy: { '/api': 'http://127.0.0.1:8420' },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
