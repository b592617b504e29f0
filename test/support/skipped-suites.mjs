/** Says at the very end which suites were skipped and why, where a glance at the last lines finds it. */
class SkippedSuites {
  onRunComplete(_contexts, { testResults: files }) {
    const titles = files
      .flatMap(({ testResults: tests }) => tests)
      .filter(({ status }) => status === 'pending')
      .map(({ ancestorTitles }) => ancestorTitles[0])
      .filter((title) => title?.endsWith(' not installed)'));
    const suites = [...new Set(titles)];
    if (suites.length === 0) return;
    console.error(
      `\nSkipped suites: ${suites.join('; ')}. Run test/components/install to have them.`,
    );
  }
}

// oxlint-disable-next-line import/no-default-export -- jest loads a reporter by its default export
export default SkippedSuites;
